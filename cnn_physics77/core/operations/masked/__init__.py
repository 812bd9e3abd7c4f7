"""Operations on the elements that a mask selects: those of ``torch.masked``.

Each replaces the other elements by what changes nothing, such as 0 in a sum, and applies the operation
without a mask. So their derivatives are those of that operation, 0 at the elements that the mask leaves out.
"""
