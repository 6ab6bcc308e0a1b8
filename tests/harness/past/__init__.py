"""Three years of the sample agencies in a web archive, read by an archive that begins today: are
the versions found, and is anything said that is not so?
"""
