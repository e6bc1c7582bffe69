import { serveTraining } from '../native/serve-training.ts';
import { trainEncoder } from './train-encoder.ts';

serveTraining(trainEncoder);
