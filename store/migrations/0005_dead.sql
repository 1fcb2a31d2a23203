-- SPDX-License-Identifier: MPL-2.0
--
-- How many dead letters there are is shown all the time, and counting them must not walk all that is
-- settled out of order or waits for a retry. A row is in this index only while it is dead.

CREATE INDEX exception_dead ON exception (consumer_id, seq) WHERE state = 4;
