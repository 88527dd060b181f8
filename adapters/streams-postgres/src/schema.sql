-- The tables of a store, version 1. They stand in a schema of their own.
--
-- The key of each table that grows begins with the stream, and nothing refers from one stream to another: whoever
-- shards, shards by it. Ids, keys and ties are their 32 bytes.

-- One row: what the store is.
CREATE TABLE store (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    version integer NOT NULL,
    origin  bytea   NOT NULL
);

-- Two rows, 'changes' and 'statements': the last number that was given. They stand apart, so that who numbers a
-- statement does not wait for who commits.
CREATE TABLE counters (
    name  text   COLLATE "C" PRIMARY KEY,
    value bigint NOT NULL
);

-- What is known of each stream. Who writes to a stream holds its row.
CREATE TABLE streams (
    stream  bytea  PRIMARY KEY,
    last    bigint NOT NULL,
    objects bigint NOT NULL,
    finals  bigint NOT NULL
);

-- The objects. That one is here is a change too, which has the object's number: it is not written a second time.
CREATE TABLE objects (
    stream     bytea   NOT NULL,
    sequence   bigint  NOT NULL,
    epoch      bigint  NOT NULL,
    generation bigint  NOT NULL,
    tie        bytea   NOT NULL,
    id         bytea   NOT NULL,
    author     bytea   NOT NULL,
    type       text    COLLATE "C" NOT NULL,
    effective  boolean NOT NULL,
    adopted_by bytea,
    parts      bytea   NOT NULL,
    PRIMARY KEY (stream, id)
);
CREATE INDEX objects_by_place ON objects (stream, epoch, generation, tie, id);
CREATE INDEX objects_by_arrival ON objects (stream, sequence);
CREATE INDEX objects_by_author ON objects (stream, author, sequence);
CREATE INDEX objects_by_type ON objects (stream, type, sequence);
-- Of all streams together, for the feed. Negated, since an index on the number itself looks to a planner like a way to
-- answer for one stream too: by passing over all others.
CREATE INDEX objects_of_all ON objects ((-sequence));

-- All other changes: 1 a verdict, 2 an adoption, 3 another copy, 4 how many are final.
CREATE TABLE marks (
    stream     bytea    NOT NULL,
    sequence   bigint   NOT NULL,
    kind       smallint NOT NULL,
    id         bytea,
    effective  boolean,
    adopted_by bytea,
    finals     bigint,
    PRIMARY KEY (stream, sequence)
);
CREATE INDEX marks_of_all ON marks ((-sequence));

-- The objects that nothing here cites.
CREATE TABLE leaves (
    stream bytea NOT NULL,
    id     bytea NOT NULL,
    PRIMARY KEY (stream, id)
);

-- The maps that were dropped, and are not taken back.
CREATE TABLE drops (
    stream bytea NOT NULL,
    id     bytea NOT NULL,
    PRIMARY KEY (stream, id)
);

-- What readers keep, by names of theirs in UTF-8.
CREATE TABLE cursors (
    name  bytea PRIMARY KEY,
    value bytea NOT NULL
);

INSERT INTO counters (name, value) VALUES ('changes', 0), ('statements', 0);
