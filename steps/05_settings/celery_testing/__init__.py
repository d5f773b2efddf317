# TODO c: import the app here, so that Django has it as soon as it starts
