"""coterie beside other libraries: same input, same threads, same start, the answer checked before the clock."""
