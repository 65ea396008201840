-- The history that people see of their own account: what they did themselves, less what only servers
-- care for. The query names the same conditions, word for word.
CREATE INDEX audit_of_actor ON audit (actor, at, id)
    WHERE actor IS NOT NULL
        AND action NOT IN ('token_refreshed', 'code_issued', 'code_redeemed', 'id_token_issued', 'token_revoked', 'factor_challenged', 'email_code_sent', 'email_proved', 'journey_cancelled', 'flow_run', 'patient_viewed', 'patients_listed')
        AND (outcome = 'failure' OR action NOT IN ('password_checked', 'factor_checked'));
