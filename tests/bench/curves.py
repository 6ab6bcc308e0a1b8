from dataclasses import dataclass
@dataclass
class Size:
    releases:int
    bytes:int
def tell_curves(s): return []
def weigh(p,c): return Size(0,0)
