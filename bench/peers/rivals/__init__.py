"""One file per op. A rival is a function (input, parameters, n_threads) -> (run, answer).

``run()`` does the work and is what the clock sees; ``answer(result)`` turns what it returned into arrays for the
quality gate and is not timed.
"""
