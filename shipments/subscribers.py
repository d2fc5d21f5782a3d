"""What follows from what happened: statistics, notifications, a record of photos.  Each is SQL over `taken(payload)`.

Payload: {"shipment", "key", "kind", "status" | null, "time", "text" | null, "blob" for photos}.
"""

from shipments.settings import NOTIFICATIONS, PHOTO_TASKS, STATISTICS

EFFECTS = {
    STATISTICS: """
        fresh as (
            insert into shipment_days (day, status, shipment)
            select distinct ((payload ->> 'time')::timestamptz at time zone 'UTC')::date, payload ->> 'status',
                   payload ->> 'shipment'
            from taken order by 1, 2, 3
            on conflict do nothing returning day, status
        ), counted as (
            insert into statistics (day, status, shipments)
            select day, status, count(*) from fresh group by day, status order by day, status
            on conflict (day, status) do update set shipments = statistics.shipments + excluded.shipments
        )""",
    NOTIFICATIONS: """
        noted as (
            insert into notifications (shipment, key, kind, status, text, time)
            select payload ->> 'shipment', (payload ->> 'key')::uuid, payload ->> 'kind', payload ->> 'status',
                   payload ->> 'text', (payload ->> 'time')::timestamptz
            from taken order by 1, 2
            on conflict do nothing
        )""",
    PHOTO_TASKS: """
        noted as (
            insert into photos (shipment, key, blob)
            select payload ->> 'shipment', (payload ->> 'key')::uuid, payload ->> 'blob' from taken order by 1, 2
            on conflict do nothing
        )""",
}
