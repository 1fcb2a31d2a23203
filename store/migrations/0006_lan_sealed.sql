-- SPDX-License-Identifier: MPL-2.0
--
-- Which message a packet number of ours was: a peer of the local network that opens a sealed message
-- names the packet, at any time later.

CREATE TABLE lan_sealed (
    peer_id  INTEGER NOT NULL REFERENCES peer (id) ON DELETE CASCADE,
    first_no INTEGER NOT NULL, -- of its first part
    count    INTEGER NOT NULL, -- of its parts
    seq      INTEGER NOT NULL, -- the message
    PRIMARY KEY (peer_id, first_no)
) STRICT, WITHOUT ROWID;
