-- Statistics: a shipment counts once for each state that it had on a day.
create table shipment_days (
    day      date not null,
    status   text not null,
    shipment text not null,
    primary key (day, status, shipment)
);
create table statistics (
    day       date not null,
    status    text not null,
    shipments bigint not null,
    primary key (day, status)
);

create table notifications (
    shipment   text not null,
    key        uuid not null,
    kind       text not null,
    status     text,
    text       text,
    time       timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (shipment, key)
);
create index notifications_by_age on notifications (created_at);

create table photos (
    shipment   text not null,
    key        uuid not null,
    blob       text not null,
    created_at timestamptz not null default now(),
    primary key (shipment, key)
);
