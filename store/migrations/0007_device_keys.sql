-- SPDX-License-Identifier: MPL-2.0
--
-- Device keys: the CURVE public keys that prove whose session it is, and the codes with which a device
-- may enrol its own. A key that was revoked stays, so that it can never be enrolled again.

CREATE TABLE device_key (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    key        TEXT    NOT NULL UNIQUE CHECK (length(key) = 40), -- public key, Z85
    peer_id    INTEGER NOT NULL REFERENCES peer (id) ON DELETE CASCADE,
    label      TEXT    NOT NULL DEFAULT '',
    created_ms INTEGER NOT NULL,
    used_ms    INTEGER NOT NULL DEFAULT 0,            -- last session opened with it; 0 = none
    revoked_ms INTEGER NOT NULL DEFAULT 0             -- 0 = it is good
) STRICT;
CREATE INDEX device_key_by_peer ON device_key (peer_id, id);

-- A code is good once. Only its hash is kept; the account is made when the code is used.
CREATE TABLE key_code (
    hash       BLOB    PRIMARY KEY,                   -- SHA-256 of the code
    folded     TEXT    NOT NULL,                      -- of the account it enrols for
    label      TEXT    NOT NULL DEFAULT '',
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX key_code_by_expiry ON key_code (expires_ms);
CREATE INDEX key_code_by_name ON key_code (folded);
