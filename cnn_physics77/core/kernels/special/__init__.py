"""Special functions of arrays, in double precision: other floating dtypes are computed in it and rounded."""
