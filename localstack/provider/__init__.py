"""What the simulators of payment providers have in common: keys, notices and their timetable, bad days, pages."""
