-- SPDX-License-Identifier: MPL-2.0
--
-- The local network: what a peer says of itself there, what was measured of it, and the numbers
-- that the broker gives its own datagrams.

ALTER TABLE peer ADD COLUMN group_name    TEXT NOT NULL DEFAULT ''; -- as announced, like display_name
ALTER TABLE peer ADD COLUMN port          INTEGER NOT NULL DEFAULT 0;   -- 0: not known
ALTER TABLE peer ADD COLUMN version_token TEXT NOT NULL DEFAULT '';     -- '1_iptux 0.8.3'
ALTER TABLE peer ADD COLUMN capabilities  INTEGER NOT NULL DEFAULT 0;   -- bits of its protocol
ALTER TABLE peer ADD COLUMN charset       TEXT NOT NULL DEFAULT '';
ALTER TABLE peer ADD COLUMN fingerprint   TEXT NOT NULL DEFAULT '';     -- of its key, hexadecimal

ALTER TABLE peer ADD COLUMN transfers_ok     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE peer ADD COLUMN transfers_failed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE peer ADD COLUMN transfer_bytes   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE peer ADD COLUMN latency_total_ms INTEGER NOT NULL DEFAULT 0; -- mean = total / count
ALTER TABLE peer ADD COLUMN latency_count    INTEGER NOT NULL DEFAULT 0; -- 0: not known
ALTER TABLE peer ADD COLUMN reliability      REAL    NOT NULL DEFAULT -1; -- as imported; -1: computed
ALTER TABLE peer ADD COLUMN observed_ms      INTEGER NOT NULL DEFAULT 0; -- first presence event; 0: none
ALTER TABLE peer ADD COLUMN online_since_ms  INTEGER NOT NULL DEFAULT 0; -- last one that it came; 0: it went
ALTER TABLE peer ADD COLUMN online_ms        INTEGER NOT NULL DEFAULT 0; -- online in all before that

ALTER TABLE peer ADD COLUMN is_relay     INTEGER NOT NULL DEFAULT 0 CHECK (is_relay IN (0, 1));
ALTER TABLE peer ADD COLUMN is_bootstrap INTEGER NOT NULL DEFAULT 0 CHECK (is_bootstrap IN (0, 1));
ALTER TABLE peer ADD COLUMN avatar       TEXT NOT NULL DEFAULT '';
ALTER TABLE peer ADD COLUMN group_list   TEXT NOT NULL DEFAULT '';      -- JSON array, as imported
ALTER TABLE peer ADD COLUMN source       TEXT NOT NULL DEFAULT '';      -- what it was imported from

-- Unverified peers of the local network ("lan:user@host"): there is room for so many only, and the
-- one not heard of for longest goes first.
ALTER TABLE peer ADD COLUMN is_lan INTEGER NOT NULL DEFAULT 0 CHECK (is_lan IN (0, 1));
UPDATE peer SET is_lan = 1 WHERE substr(folded, 1, 4) = 'lan:';
CREATE INDEX peer_lan_by_age ON peer (last_seen_ms, id) WHERE is_lan = 1;

-- Whoever may be online: has not left since it was seen last.
CREATE INDEX peer_by_seen ON peer (last_seen_ms) WHERE left_ms < last_seen_ms;
CREATE INDEX peer_verified ON peer (id) WHERE is_verified = 1;

-- Who is behind this address? `ip`: the address without port and protocol; '' = has none.
ALTER TABLE peer_address ADD COLUMN ip TEXT NOT NULL DEFAULT '';
UPDATE peer_address SET ip = address WHERE address NOT GLOB '*[^0-9A-Fa-f.:]*';
CREATE INDEX peer_address_by_ip ON peer_address (ip, last_seen_ms);
