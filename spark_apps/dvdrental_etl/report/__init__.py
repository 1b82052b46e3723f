"""The report of a run for people: read from the run record by plain SQL, written as text and as a page."""
