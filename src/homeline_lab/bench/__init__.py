"""The benchmark: Homeline, gammu-smsd, smstools and a bare reader on the same simulated dongle, measured alike."""
