"""SQLAlchemy: what must survive. ORM rows never leave this room."""
