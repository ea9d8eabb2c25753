"""Jobs: what somebody asked for, done to one thing after the other, some in a transaction of their own, with what came of each.

That transaction says that they are done, too: so nothing is done twice, and another worker goes on where one died. On hold nothing is
done, and what was begun waits. A small job is done in the request that asks for it, by the same code.
"""
