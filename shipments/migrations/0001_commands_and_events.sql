-- Commands that were applied, with what became of them: the mark that makes applying one twice the same as once.
create table applied_commands (
    id          uuid primary key,
    kind        text not null,
    epoch       integer not null,
    region      text not null,
    accepted_at timestamptz not null,
    applied_at  timestamptz not null default now(),
    outcome     text not null check (outcome in ('applied', 'refused')),
    shipment    text,
    errors      jsonb not null default '[]'
);
create index applied_captures on applied_commands (applied_at desc, id desc) where kind = 'capture-events';

-- What happened to a shipment, by each name that it has.  The state is folded from these rows, whatever order they came in.
create table shipment_events (
    name        text not null,
    key         uuid not null,
    kind        text not null check (kind in ('registered', 'observed', 'comment')),
    time        timestamptz not null,
    record_time timestamptz not null default now(),
    aliases     text[],
    data        jsonb not null,
    primary key (name, key)
);
comment on column shipment_events.aliases is 'the other names of the shipment, where a registration gives it several';
create index shipment_aliases on shipment_events (name) where aliases is not null;

-- EPCIS events as they were captured, with the columns that the standard's common filters ask for.
-- Its key is a digest of what the event says, so that the same event captured twice is one row.
create table epcis_events (
    key          uuid primary key,
    event_id     text not null,
    capture_id   uuid not null,
    event_type   text not null,
    event_time   timestamptz not null,
    record_time  timestamptz not null default now(),
    action       text,
    biz_step     text,
    disposition  text,
    read_point   text,
    biz_location text,
    terms        text[] not null,
    document     jsonb not null
);
comment on column epcis_events.terms is '<role>:<epc>, <role>-class:<class>, transaction:<type>=<id>';
create index epcis_by_event_time on epcis_events (event_time, key);
create index epcis_by_record_time on epcis_events (record_time, key);
create index epcis_by_event_id on epcis_events (event_id);
create index epcis_by_biz_step on epcis_events (biz_step, event_time, key) where biz_step is not null;
create index epcis_by_disposition on epcis_events (disposition, event_time, key) where disposition is not null;
create index epcis_by_read_point on epcis_events (read_point, event_time, key) where read_point is not null;
create index epcis_by_biz_location on epcis_events (biz_location, event_time, key) where biz_location is not null;
create index epcis_by_terms on epcis_events using gin (terms);

-- What subscribers have still to hear of.  A row is written with what it tells of, and leaves with its subscriber's effect,
-- each time in one transaction; until then it is published again and again.
create table outbox (
    id           bigint generated always as identity primary key,
    subscriber   text not null,
    payload      jsonb not null,
    created_at   timestamptz not null default now(),
    published_at timestamptz
);
create index outbox_unpublished on outbox (id) where published_at is null;
create index outbox_published on outbox (published_at) where published_at is not null;
