\echo Use "ALTER EXTENSION pg_affinity UPDATE TO '0.2.0'" to load this file. \quit

-- What 0.2.0 changes of the SQL face of 0.1.0. CREATE EXTENSION runs that one's script and then this one, so that a new database and one that was
-- updated have the same catalogue; tests/upgrade.rs holds them against each other. A change adds: what has gone into a dump (tables, columns)
-- stays, and a function that views may call is replaced under its own oid.
