"""SIP (RFC 3261): messages, transactions, dialogs, digest, registrar. Pure; see `sip.stack`."""
