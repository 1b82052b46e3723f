"""Business days that pass in a source: what people do there, as committed transactions.

`moves.MOVES` for one change at a time, `days.Business` for whole days, `live.Live` for a source that never rests.
"""
