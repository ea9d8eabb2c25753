"""PostgreSQL as Django's own backend has it, with a pool whose connections are looked at before they are used."""
