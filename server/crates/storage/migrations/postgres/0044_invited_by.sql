-- Who invited somebody (C7): it becomes who granted the role. Not known of invitations from before; none for a link of
-- the command line. It outlives the account, as that of a grant does.
ALTER TABLE invitations ADD COLUMN invited_by UUID;
