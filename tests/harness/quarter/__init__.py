"""Three scripted months of sample agencies: checks what the status page showed each week."""
