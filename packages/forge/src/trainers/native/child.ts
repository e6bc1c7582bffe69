import { serveTraining } from './serve-training.ts';
import { trainModel } from './train-model.ts';

serveTraining(trainModel);
