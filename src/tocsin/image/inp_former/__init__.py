"""INP-Former: a picture is rebuilt from what is usual in itself; see `tocsin.image.inp_former.detector`."""
