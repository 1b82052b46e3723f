"""One run of one script: command line, order of a load, gate, audit, watermark."""
