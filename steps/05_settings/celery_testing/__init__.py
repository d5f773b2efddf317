# TODO c: import the app here, so that Django loads it at startup
