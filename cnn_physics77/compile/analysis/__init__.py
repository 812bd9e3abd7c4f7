"""Analysis: what follows from the memory that the steps of a trace read and write.

:mod:`.needed` drops the steps that nobody needs; :mod:`.compare` compares two recordings, and the values of a
replay with those of the call itself.
"""
