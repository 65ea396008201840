-- From when on the owner of an account is offered recovery codes at a sign-in; NULL: where a factor is set up. Who
-- had a second factor and no codes before there was an offer is offered them at the next sign-in.
ALTER TABLE accounts ADD COLUMN recovery_offer_from BIGINT;

UPDATE accounts SET recovery_offer_from = 0
WHERE EXISTS (SELECT 1 FROM factors WHERE factors.account_id = accounts.id AND used_codes IS NULL)
    AND NOT EXISTS (
        SELECT 1 FROM factors
        WHERE factors.account_id = accounts.id AND used_codes IS NOT NULL AND issued_until IS NULL
    );
