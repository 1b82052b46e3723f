"""Simulates business in a source database, as committed transactions.

A move is one business event, for example a rental or a change of address. `moves.MOVES` makes one at a time,
`days.Business` whole days, and `live.Live` runs in a thread at a given rate.
"""
