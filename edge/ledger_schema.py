"""Tables of the ledger, one script a version."""

from __future__ import annotations

#: A ledger of an older version is taken along. Times are seconds since 1970
#: by this computer's clock, and decide nothing but when to try again.
MIGRATIONS = (
    """
CREATE TABLE file (
    path TEXT PRIMARY KEY,          -- below the inbox
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    half_orbit TEXT,                -- NULL where the name tells none
    status TEXT NOT NULL CHECK (status IN ('begun', 'scored', 'failed', 'refused', 'ignored')),
    reason TEXT NOT NULL,           -- '' where scored
    transient INTEGER NOT NULL      -- 1: try again with the same bytes
) STRICT;
CREATE INDEX file_half_orbit ON file (half_orbit);
CREATE TABLE half_orbit (
    key TEXT PRIMARY KEY,
    status TEXT NOT NULL CHECK (status IN ('begun', 'scored', 'failed')),
    parameters TEXT NOT NULL,       -- fingerprint of bundle, runtime and options
    windows INTEGER NOT NULL,
    insufficient INTEGER NOT NULL,
    alarms INTEGER NOT NULL,
    attempts INTEGER NOT NULL       -- that did not come to an end
) STRICT;
""",
    """
ALTER TABLE half_orbit RENAME TO half_orbit_1;
CREATE TABLE half_orbit (
    key TEXT PRIMARY KEY,
    -- 'begun' stays only where the process ended in the middle
    status TEXT NOT NULL CHECK (status IN ('begun', 'scored', 'failed', 'retry', 'given up')),
    parameters TEXT NOT NULL,
    windows INTEGER NOT NULL,
    insufficient INTEGER NOT NULL,
    alarms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    tried_at REAL NOT NULL,         -- when the last attempt began
    retry_at REAL,                  -- when it is due again, NULL: not before its files change
    reason TEXT NOT NULL,           -- '' where scored
    code_version TEXT NOT NULL,
    runtime TEXT NOT NULL
) STRICT;
INSERT INTO half_orbit SELECT
    key, status, parameters, windows, insufficient, alarms, attempts, 0,
    iif(status = 'begun' OR EXISTS(
        SELECT 1 FROM file WHERE file.half_orbit = key AND file.transient), 0, NULL), '', '', ''
FROM half_orbit_1;
DROP TABLE half_orbit_1;
CREATE INDEX half_orbit_retry ON half_orbit (retry_at) WHERE retry_at IS NOT NULL;
CREATE INDEX half_orbit_given_up ON half_orbit (key) WHERE status = 'given up';
CREATE TABLE result (
    name TEXT PRIMARY KEY,          -- in the output folder
    half_orbit TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX result_half_orbit ON result (half_orbit);
-- Files that may still grow, and half-orbits that may still get payloads, since when they are
-- as they are.
CREATE TABLE waiting (
    key TEXT PRIMARY KEY,
    stamp TEXT NOT NULL,
    since REAL NOT NULL
) STRICT, WITHOUT ROWID;
-- Folders in which nothing was left to do, and what they looked like then.
CREATE TABLE folder (
    key TEXT PRIMARY KEY,
    digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;
""",
    """
ALTER TABLE file ADD COLUMN first_seen REAL NOT NULL DEFAULT 0;
ALTER TABLE half_orbit ADD COLUMN first_seen REAL NOT NULL DEFAULT 0;
ALTER TABLE half_orbit ADD COLUMN done_at REAL;         -- when it was scored or failed last
ALTER TABLE half_orbit ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;  -- results written so far
ALTER TABLE half_orbit ADD COLUMN side TEXT NOT NULL DEFAULT '';        -- 'night' or 'day'
ALTER TABLE half_orbit ADD COLUMN "start" TEXT;         -- UTC of the first observation
ALTER TABLE half_orbit ADD COLUMN "end" TEXT;
ALTER TABLE half_orbit ADD COLUMN peak REAL;            -- the highest score
ALTER TABLE half_orbit ADD COLUMN track TEXT NOT NULL DEFAULT '[]';     -- [[lon, lat, score]]
CREATE INDEX half_orbit_start ON half_orbit ("start");
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    started REAL NOT NULL,
    ended REAL,                     -- NULL where it did not come to its end
    scored INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    waiting INTEGER NOT NULL DEFAULT 0,
    exit_code INTEGER,
    code_version TEXT NOT NULL,
    runtime TEXT NOT NULL
) STRICT;
-- Alarms as they stand in the results, each with the revision that first said so.
CREATE TABLE alarm (
    half_orbit TEXT NOT NULL,
    time TEXT NOT NULL,             -- of the window with the highest score
    revision INTEGER NOT NULL,
    valid_until TEXT NOT NULL,
    content TEXT NOT NULL,          -- the record as JSON
    PRIMARY KEY (half_orbit, time)
) STRICT, WITHOUT ROWID;
-- What a person must be told, until a command has taken it.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('alarm', 'failure')),
    key TEXT NOT NULL UNIQUE,       -- one message, told once it was taken
    content TEXT NOT NULL,
    created REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_at REAL NOT NULL DEFAULT 0,
    done_at REAL
) STRICT;
CREATE INDEX outbox_open ON outbox (retry_at) WHERE done_at IS NULL;
""",
    # A day side and a night without one window that could be scored were 'scored', too.
    """
CREATE TABLE half_orbit_4 (
    key TEXT PRIMARY KEY,
    -- 'running' stays only where the process ended in the middle
    status TEXT NOT NULL CHECK (status IN
        ('running', 'done', 'day', 'insufficient', 'retry', 'failed', 'given up')),
    parameters TEXT NOT NULL,
    windows INTEGER NOT NULL,
    insufficient INTEGER NOT NULL,
    alarms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    tried_at REAL NOT NULL,
    retry_at REAL,
    reason TEXT NOT NULL,
    code_version TEXT NOT NULL,
    runtime TEXT NOT NULL,
    first_seen REAL NOT NULL,
    done_at REAL,                   -- when its work came to an end last
    revision INTEGER NOT NULL,
    side TEXT NOT NULL,
    "start" TEXT,                   -- UTC; of a day side by the names of its files
    "end" TEXT,
    peak REAL,
    track TEXT NOT NULL
) STRICT;
INSERT INTO half_orbit_4 SELECT
    key,
    CASE
        WHEN status = 'begun' THEN 'running'
        WHEN status != 'scored' THEN status
        WHEN side = 'day' OR side = '' AND key LIKE '%0' THEN 'day'
        WHEN windows > insufficient THEN 'done'
        ELSE 'insufficient'
    END,
    parameters, windows, insufficient, alarms, attempts, tried_at, retry_at, reason, code_version,
    runtime, first_seen, done_at, revision, side, "start", "end", peak, track
FROM half_orbit;
DROP TABLE half_orbit;
ALTER TABLE half_orbit_4 RENAME TO half_orbit;
CREATE INDEX half_orbit_retry ON half_orbit (retry_at) WHERE retry_at IS NOT NULL;
CREATE INDEX half_orbit_given_up ON half_orbit (key) WHERE status = 'given up';
CREATE INDEX half_orbit_start ON half_orbit ("start");
CREATE TABLE file_4 (
    path TEXT PRIMARY KEY,          -- below the inbox
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    half_orbit TEXT,                -- NULL where the name tells none
    status TEXT NOT NULL CHECK (status IN
        ('running', 'done', 'day', 'failed', 'refused', 'ignored')),
    reason TEXT NOT NULL,           -- '' where done
    transient INTEGER NOT NULL,     -- 1: try again with the same bytes
    first_seen REAL NOT NULL DEFAULT 0
) STRICT;
INSERT INTO file_4 SELECT
    path, size, mtime_ns, ctime_ns, half_orbit,
    CASE
        WHEN status = 'begun' THEN 'running'
        WHEN status != 'scored' THEN status
        WHEN half_orbit IN (SELECT key FROM half_orbit WHERE status = 'day') THEN 'day'
        ELSE 'done'
    END,
    reason, transient, first_seen
FROM file;
DROP TABLE file;
ALTER TABLE file_4 RENAME TO file;
CREATE INDEX file_half_orbit ON file (half_orbit);
""",
    """
-- What retention removes: files of the inbox, whose rows stay as they are, and results, whose
-- rows of the table result move here. The name is that below the inbox or in the output folder;
-- of an input sha256 is ''; where removed is 0, the file may still be there.
CREATE TABLE pruned (
    kind TEXT NOT NULL CHECK (kind IN ('input', 'result')),
    name TEXT NOT NULL,
    half_orbit TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    removed INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX pruned_half_orbit ON pruned (half_orbit);
""",
)
VERSION = len(MIGRATIONS)
