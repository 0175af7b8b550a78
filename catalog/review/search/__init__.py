"""The review page's search: the library's candidates in memory, filtered, sorted, found by words or by likeness."""
