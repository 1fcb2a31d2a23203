-- SPDX-License-Identifier: MPL-2.0
--
-- What the local network's gateway has to know of a peer after a restart, so that nothing is shown
-- twice and nothing is lost: where it was heard, since when its numbers count, and which packet is
-- on its way to it.

CREATE TABLE lan_peer (
    peer_id    INTEGER PRIMARY KEY REFERENCES peer (id) ON DELETE CASCADE,
    address    TEXT    NOT NULL DEFAULT '', -- 'IP:PORT' answers go to
    local      TEXT    NOT NULL DEFAULT '', -- 'IP:PORT' of ours that it talks to
    heard_ms   INTEGER NOT NULL DEFAULT 0,
    began_ms   INTEGER NOT NULL DEFAULT 0,  -- of its last accepted entry; ids of its messages hold it
    sending_seq   INTEGER NOT NULL DEFAULT 0, -- message given numbers and not confirmed; 0: none
    sending_no    INTEGER NOT NULL DEFAULT 0, -- packet number of its first part
    sending_count INTEGER NOT NULL DEFAULT 0, -- of its parts
    is_explained  INTEGER NOT NULL DEFAULT 0 CHECK (is_explained IN (0, 1)) -- told how to address others
) STRICT;

-- Who of the local network calls itself so? It can be written to by that name while it is the only one.
CREATE INDEX peer_lan_by_nick ON peer (display_name) WHERE is_lan = 1;
