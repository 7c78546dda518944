"""What a report tells, a file for each section: functions of studies that return a `document.Section`."""
