"""One module a chapter: Params (typed, frozen), grid() and cell(), a pure function of one grid cell."""
