"""The one doubt: what answers to our own questions say against a log-in is not believed before others were asked, or time has passed.

An end, a refusal to renew, a loss of an ad account or a restriction is doubted first, and three other log-ins of the same app are asked at
once. Where one of them answers well, it is true; where all say the same, or there is no other, it is asked again at set times and is true
once it was said for long enough. What was called true is asked again at the same times, so that it comes back by itself.
"""
