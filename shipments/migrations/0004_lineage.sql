-- The forced promotes that this database descends from; no row before the first one.  The newest row tells whether the
-- database is the one that operators decided on, or one that was left behind.
create table lineage (
    epoch  integer not null,
    region text not null,
    at     timestamptz not null default now(),
    primary key (epoch, region)
);

-- The region whose queues hold the message that tells of a row: another region publishes the row again when it takes over.
alter table outbox add column published_by text;
