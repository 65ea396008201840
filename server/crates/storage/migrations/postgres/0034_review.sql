-- Whether a link "This wasn't me" brings the address back that it was mailed to: only the one in the mail about
-- the change of that very address does. Those that are out there are known by the moment of that change.
ALTER TABLE repudiations ADD COLUMN brings_back BIGINT NOT NULL DEFAULT 0;
UPDATE repudiations SET brings_back = 1 WHERE EXISTS (
    SELECT 1 FROM audit WHERE audit.actor = repudiations.account_id
        AND audit.action = 'email_changed' AND audit.outcome = 'success'
        AND audit.at BETWEEN repudiations.expires_at - 1209601000 AND repudiations.expires_at - 1209599000
);

-- What changed an account, of each kind the latest: a flood of one kind hides no other. The query names the
-- same conditions, word for word.
CREATE INDEX audit_changes_by_actor ON audit (actor, action, at, id)
    WHERE actor IS NOT NULL AND outcome = 'success'
        AND action IN ('password_reset', 'factor_removed', 'reset_issued', 'browser_remembered', 'email_changed', 'profile_changed', 'deletion_requested', 'data_exported', 'consent_given', 'device_approved');
CREATE INDEX audit_changes_of_subject ON audit (target, action, at, id)
    WHERE target IS NOT NULL AND outcome = 'success'
        AND action IN ('password_reset', 'factor_removed', 'reset_issued', 'browser_remembered', 'email_changed', 'profile_changed', 'deletion_requested', 'data_exported', 'consent_given', 'device_approved');
