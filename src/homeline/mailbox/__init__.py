"""Reading a mailbox, in a process that ends again: IMAP or a maildir, MIME, and what an answer says above its quote.

What is read here was written by strangers, and the modules that read it cost megabytes: neither stays in the service.
"""
