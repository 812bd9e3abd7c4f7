"""Operations on the elements that a mask selects."""
