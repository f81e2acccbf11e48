"""The webhook: the process that Twilio asks where calls go, and tells what happened. It never opens the store."""
