-- Entra sign-in as Azure Database for PostgreSQL offers it, on a stock server: a role belongs to an Entra object
-- (noted in the role's comment, where Azure uses a security label), and the SCRAM verifier of that object's newest
-- token is the role's password until the token expires.
-- https://learn.microsoft.com/azure/postgresql/flexible-server/how-to-manage-azure-ad-users
create role azure_pg_admin nologin createdb createrole;
grant pg_monitor, pg_read_all_settings, pg_signal_backend to azure_pg_admin;
grant all on database postgres to azure_pg_admin;
create schema pgaadauth;
create table pgaadauth.credentials (
    object_id text primary key,
    verifier text not null,
    expires timestamptz not null
);

create function pgaadauth.roles(out role name, out object_id text, out kind text, out admin boolean) returns setof record
language sql stable as $$
    select rolname, substring(label from 'oid=([^,]+)'), substring(label from 'type=([^,]+)'), label like '%,admin'
    from pg_catalog.pg_roles, pg_catalog.shobj_description(oid, 'pg_authid') label where label like 'aadauth,%'
$$;

create function pgaadauth.install(of_object text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    found record;
begin
    for found in select r.role, c.verifier, c.expires from pgaadauth.roles() r
                 join pgaadauth.credentials c using (object_id) where r.object_id = of_object loop
        execute format('alter role %I password %L valid until %L', found.role, found.verifier, found.expires);
    end loop;
end $$;
revoke execute on function pgaadauth.install(text) from public;

create function pg_catalog.pgaadauth_create_principal_with_oid(
    rolename text, objectid text, objecttype text, isadmin boolean, ismfa boolean) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if not (select rolsuper from pg_roles where rolname = session_user)
       and not exists (select from pgaadauth.roles() r where r.role = session_user and r.admin) then
        raise insufficient_privilege using message = 'only Microsoft Entra administrators can create principals';
    end if;
    if objecttype not in ('user', 'group', 'service') then
        raise invalid_parameter_value using message = format('objectType must be user, group or service, got %L', objecttype);
    end if;
    execute format('create role %I login', rolename);
    execute format('comment on role %I is %L', rolename,
                   format('aadauth,oid=%s,type=%s%s', objectid, objecttype, case when isadmin then ',admin' else '' end));
    if isadmin then
        execute format('alter role %I createdb createrole', rolename);
        execute format('grant azure_pg_admin to %I', rolename);
    end if;
    perform pgaadauth.install(objectid);
    return format('Created role for %I', rolename);
end $$;

create function pg_catalog.pgaadauth_list_principals(isadminlist boolean)
returns table (rolname name, principaltype text, objectid text, tenantid text, ismfa integer, isadmin integer)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select role, kind, object_id, '', 0, admin::integer from pgaadauth.roles() where admin or not isadminlist
$$;
