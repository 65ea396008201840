-- Which applications a session signed in to: whom logout tells (OpenID Connect Front-Channel and
-- Back-Channel Logout). `sid` is what their ID tokens say, also after a further sign-in by the
-- same person put a new session in the old one's place.
CREATE TABLE relying_parties (
    session_id     BLOB NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    application_id BLOB NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    flow_id        BLOB NOT NULL,
    sid            BLOB NOT NULL,
    PRIMARY KEY (session_id, application_id, flow_id, sid)
) STRICT, WITHOUT ROWID;
