-- Tells a repeated command from another one that was given the same id.
alter table applied_commands add column digest text;
