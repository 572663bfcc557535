module twin

go 1.25
