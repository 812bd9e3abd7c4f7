"""One framework each, behind one class. Import an adapter only in a process that runs its framework."""
