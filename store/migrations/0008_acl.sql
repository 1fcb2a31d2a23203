-- SPDX-License-Identifier: MPL-2.0
--
-- The access list: who may do what to which scopes (actors/acl.h). Rows are few, written by
-- administrators, and read as a whole.

CREATE TABLE acl (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    subject    TEXT    NOT NULL,                      -- NAME, @group or *
    scope      TEXT    NOT NULL,                      -- pattern
    actions    INTEGER NOT NULL CHECK (actions BETWEEN 1 AND 15), -- 1 send 2 read 4 create 8 administrate
    is_allow   INTEGER NOT NULL CHECK (is_allow IN (0, 1)),
    created_ms INTEGER NOT NULL,
    creator    TEXT    NOT NULL
) STRICT;

-- Rises with every change of it.
INSERT INTO progress VALUES ('version:acl', 0);
