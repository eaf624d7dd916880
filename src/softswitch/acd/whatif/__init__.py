"""Days that were otherwise, or never were: the real engine under callers and agents that are made up or recorded.

figures   what a day came to, counted from the engine's commands
patience  how long callers would have waited, from days on which many did not have to
day       one day: callers come, agents answer, talk, have breaks
recorded  a day of the journal, taken apart into callers, agents and habits
invented  callers of a day that never was
compare   many seeds of one day beside many of another
"""
