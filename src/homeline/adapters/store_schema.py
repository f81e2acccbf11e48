"""The database's tables, as an ordered list of migrations. `PRAGMA user_version` counts how many of them a file has
had.

A migration that has been released is never changed: a later one changes what it made.

- `event` hands out the ids, in order of arrival, never reused. A message has its event's id.
- `message` has a negative id while it is neither whole nor overdue: it is no event yet, and no list shows it.
  `joining` is "reference/bits/total" while parts are missing. `open_since` is when a part came that no delivery carries
  yet: the time limit counts from there. `archived` parts stay on the SIM.
- `part.key` is what makes a received part unique (`core.joining.part_key`); it survives in `tombstone` when the
  message is deleted, so that a part that is still on the SIM does not come back as new.
- `conversation` is kept by triggers, so it cannot disagree with `message`.
- A call has its event's id. `call.uid` is what makes it unique; like a part's key it survives in `tombstone`.
- A pending delivery with `digest` 1 goes out together with the others of its rule and channel that were held; from the
  first attempt on, `carrier` is the delivery that carries it (its own id for that one).
- `delivery_due` gives what is due by urgency without looking at the rows; those that another one carries are in it and
  passed over.
- `request` remembers what was asked for from outside, under the id that the asker gave it, so that a repeated request
  is answered and not carried out again. `reference` says which event a message of ours elsewhere was about.
- `done` is when something that is done regularly, or is limited, was done last and how often since.
- `unwanted` names recordings whose calls are gone: their files are deleted after the commit, and then the row.
"""

from __future__ import annotations

VERSION_1 = """
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE sim (sim TEXT PRIMARY KEY, dongle TEXT NOT NULL, since INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  at INTEGER NOT NULL,
  dongle TEXT NOT NULL,
  peer TEXT NOT NULL DEFAULT '',
  text TEXT NOT NULL DEFAULT '',
  fields TEXT NOT NULL DEFAULT ''
);

CREATE TABLE message (
  id INTEGER PRIMARY KEY,
  direction TEXT NOT NULL,
  state TEXT NOT NULL,
  dongle TEXT NOT NULL,
  sim TEXT NOT NULL,
  peer TEXT NOT NULL,
  peer_raw TEXT NOT NULL,
  peer_name TEXT NOT NULL DEFAULT '',
  text TEXT NOT NULL DEFAULT '',
  at INTEGER NOT NULL,
  sent_at INTEGER,
  sent_offset INTEGER,
  delivered_at INTEGER,
  encoding TEXT NOT NULL DEFAULT '',
  message_class INTEGER,
  parts_total INTEGER NOT NULL DEFAULT 1,
  parts_have INTEGER NOT NULL DEFAULT 1,
  data BLOB NOT NULL DEFAULT x'',
  port_to INTEGER,
  port_from INTEGER,
  note TEXT NOT NULL DEFAULT '',
  error TEXT NOT NULL DEFAULT '',
  unread INTEGER NOT NULL DEFAULT 0,
  report INTEGER NOT NULL DEFAULT 0,
  flash INTEGER NOT NULL DEFAULT 0,
  replace_type INTEGER,
  archived INTEGER NOT NULL DEFAULT 0,
  joining TEXT,
  open_since INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  not_before INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX message_peer ON message(peer);
CREATE INDEX message_dongle ON message(dongle);
CREATE INDEX message_direction ON message(direction);
CREATE INDEX message_unread ON message(unread);
CREATE INDEX message_joining ON message(sim, peer_raw, joining) WHERE joining IS NOT NULL;
CREATE INDEX message_open ON message(open_since) WHERE open_since IS NOT NULL;
CREATE INDEX message_archived ON message(sim) WHERE archived = 1;
CREATE INDEX message_replace ON message(sim, peer_raw, replace_type) WHERE replace_type IS NOT NULL;
CREATE INDEX message_queue ON message(dongle, not_before) WHERE state = 'queued';

CREATE TABLE part (
  id INTEGER PRIMARY KEY,
  message INTEGER NOT NULL,
  number INTEGER NOT NULL,
  key BLOB UNIQUE,
  pdu NOT NULL,
  text NOT NULL,
  data BLOB NOT NULL DEFAULT x'',
  sent_at INTEGER,
  state TEXT NOT NULL DEFAULT '',
  reference INTEGER,
  error TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX part_message ON part(message, number);
CREATE INDEX part_reference ON part(reference) WHERE reference IS NOT NULL;
CREATE INDEX part_unanswered ON part(state) WHERE state IN ('sending', 'unknown');

CREATE TABLE tombstone (key BLOB PRIMARY KEY, seen_at INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE delivery (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  event INTEGER NOT NULL,
  rule TEXT NOT NULL,
  channel TEXT NOT NULL,
  revision INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL DEFAULT 'pending',
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  done_at INTEGER,
  error TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX delivery_event ON delivery(event, rule, channel, revision);
CREATE INDEX delivery_due ON delivery(channel, next_at) WHERE state = 'pending';
CREATE INDEX delivery_failed ON delivery(rule) WHERE state = 'failed';

CREATE TABLE rule_result (
  rule TEXT PRIMARY KEY,
  success_at INTEGER,
  error_at INTEGER,
  error TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;

CREATE TABLE alert (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL,
  text TEXT NOT NULL,
  advice TEXT NOT NULL,
  severity TEXT NOT NULL,
  dongle TEXT NOT NULL,
  raised_at INTEGER NOT NULL,
  cleared_at INTEGER,
  acknowledged INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX alert_open ON alert(key) WHERE cleared_at IS NULL;

CREATE TABLE conversation (
  peer TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  last INTEGER NOT NULL,
  count INTEGER NOT NULL,
  unread INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX conversation_last ON conversation(last);

CREATE TRIGGER message_added AFTER INSERT ON message WHEN new.id > 0 BEGIN
  INSERT INTO conversation VALUES (new.peer, new.peer_name, new.id, 1, new.unread)
    ON CONFLICT (peer) DO UPDATE SET last = max(last, new.id), count = count + 1, unread = unread + new.unread,
      name = CASE WHEN new.peer_name != '' THEN new.peer_name ELSE name END;
END;
CREATE TRIGGER message_shown AFTER UPDATE OF id ON message WHEN old.id < 0 AND new.id > 0 BEGIN
  INSERT INTO conversation VALUES (new.peer, new.peer_name, new.id, 1, new.unread)
    ON CONFLICT (peer) DO UPDATE SET last = max(last, new.id), count = count + 1, unread = unread + new.unread,
      name = CASE WHEN new.peer_name != '' THEN new.peer_name ELSE name END;
END;
CREATE TRIGGER message_marked AFTER UPDATE OF unread ON message
WHEN old.id > 0 AND new.unread != old.unread BEGIN
  UPDATE conversation SET unread = unread + new.unread - old.unread WHERE peer = new.peer;
END;
CREATE TRIGGER message_deleted AFTER DELETE ON message WHEN old.id > 0 BEGIN
  DELETE FROM conversation WHERE peer = old.peer AND count = 1;
  UPDATE conversation SET count = count - 1, unread = unread - old.unread,
      last = CASE WHEN last = old.id THEN (SELECT max(id) FROM message WHERE peer = old.peer) ELSE last END
    WHERE peer = old.peer;
END;
"""

VERSION_2 = """
CREATE TABLE call (
  id INTEGER PRIMARY KEY,
  direction TEXT NOT NULL,
  state TEXT NOT NULL,
  uid TEXT NOT NULL UNIQUE,
  dongle TEXT NOT NULL DEFAULT '',
  line TEXT NOT NULL DEFAULT '',
  peer TEXT NOT NULL DEFAULT '',
  peer_raw TEXT NOT NULL DEFAULT '',
  peer_name TEXT NOT NULL DEFAULT '',
  dialled TEXT NOT NULL DEFAULT '',
  through TEXT NOT NULL DEFAULT '',
  rule TEXT NOT NULL DEFAULT '',
  started_at INTEGER NOT NULL DEFAULT 0,
  answered_at INTEGER,
  ended_at INTEGER NOT NULL DEFAULT 0,
  cause INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '',
  recording TEXT NOT NULL DEFAULT '',
  recording_seconds INTEGER NOT NULL DEFAULT 0,
  recording_size INTEGER NOT NULL DEFAULT 0,
  unread INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX call_direction ON call(direction);
CREATE INDEX call_state ON call(state);
CREATE INDEX call_dongle ON call(dongle);
CREATE INDEX call_peer ON call(peer);
CREATE INDEX call_unread ON call(id) WHERE unread = 1;
CREATE INDEX call_unseen ON call(state) WHERE unread = 1;
CREATE INDEX call_recording ON call(recording) WHERE recording != '';
CREATE INDEX call_rule ON call(rule, ended_at) WHERE rule != '';

CREATE TABLE unwanted (file TEXT PRIMARY KEY) WITHOUT ROWID;
"""

VERSION_3 = """
ALTER TABLE alert ADD COLUMN event INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN hold_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN priority TEXT NOT NULL DEFAULT 'normal';
ALTER TABLE delivery ADD COLUMN digest INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN carrier INTEGER NOT NULL DEFAULT 0;
DROP INDEX delivery_due;
CREATE INDEX delivery_due ON delivery(channel, priority, next_at, carrier) WHERE state = 'pending';
CREATE INDEX delivery_digest ON delivery(rule, channel) WHERE state = 'pending' AND digest = 1 AND carrier = 0;
CREATE INDEX delivery_carrier ON delivery(carrier) WHERE carrier > 0 AND state != 'done';

CREATE TABLE channel_result (
  channel TEXT PRIMARY KEY,
  success_at INTEGER,
  error_at INTEGER,
  error TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;

CREATE TABLE request (
  source TEXT NOT NULL,
  key TEXT NOT NULL,
  at INTEGER NOT NULL,
  result TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (source, key)
) WITHOUT ROWID;
CREATE INDEX request_at ON request(at);

CREATE TABLE reference (
  channel TEXT NOT NULL,
  key TEXT NOT NULL,
  event INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (channel, key)
) WITHOUT ROWID;
CREATE INDEX reference_at ON reference(at);

CREATE TABLE done (name TEXT PRIMARY KEY, at INTEGER NOT NULL, count INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
"""

MIGRATIONS = (VERSION_1, VERSION_2, VERSION_3)
